"""FightLadder: a fighting game on the device."""
