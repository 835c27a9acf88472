"""One proximal policy optimisation for every game; IPPO and MAPPO are configurations of it."""
