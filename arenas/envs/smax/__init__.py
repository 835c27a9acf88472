"""SMAX: micro-management of two armies on a plane (StarCraft II's SMAC without StarCraft)."""
