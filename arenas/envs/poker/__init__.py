"""Kuhn and Leduc poker: games small enough to be solved, on which exploitability is exact."""
