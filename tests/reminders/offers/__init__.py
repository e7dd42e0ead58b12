"""Tests of given-up times and their offers."""
