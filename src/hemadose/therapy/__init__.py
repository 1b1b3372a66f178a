"""Doses and limits into a prescription and a course of treatment."""
