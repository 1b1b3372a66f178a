"""How much to give: rules, limits and refusals, for an agent and a patient."""
