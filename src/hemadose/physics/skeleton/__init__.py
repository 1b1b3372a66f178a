"""Red marrow between trabeculae: where electrons released in marrow or bone leave their energy."""
