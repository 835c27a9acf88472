"""Agents that play any game. A game's own scripted players lie with the game."""
