"""What is given around the graft: regimens, doses of drugs, calendar, checks."""
