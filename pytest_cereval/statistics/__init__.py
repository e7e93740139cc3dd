"""Turns the scores of runs into claims: every number with what it estimates, its interval and what is missing.

Pure functions. What needs chance takes a seed, so that the same record gives the same numbers, bit for bit.
"""
