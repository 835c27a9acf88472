"""Drawings of games. A renderer reads states; an environment never imports a renderer."""
