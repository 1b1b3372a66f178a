"""Several therapies together: agents in sequence and total body irradiation."""
