"""Response of leukaemia, lymphoma and myeloma by published criteria."""
