"""Who may be treated: findings by rule, never an approval."""
