"""The units' numbers by type, as arrays."""

from __future__ import annotations

import numpy as np

from arenas.envs.smax.scenarios import UNIT_TYPES

SPEED = np.array([u.speed for u in UNIT_TYPES], np.float32)
DAMAGE = np.array([u.damage for u in UNIT_TYPES], np.float32)
ATTACK_RANGE = np.array([u.attack_range for u in UNIT_TYPES], np.float32)
SIGHT_RANGE = np.array([u.sight_range for u in UNIT_TYPES], np.float32)
RADIUS = np.array([u.radius for u in UNIT_TYPES], np.float32)
MAX_HEALTH = np.array([u.health for u in UNIT_TYPES], np.float32)
COOLDOWN = np.array([u.cooldown for u in UNIT_TYPES], np.float32)
