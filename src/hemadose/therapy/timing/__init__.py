"""When the stem cells can come: marrow dose still to be delivered, and the day it allows."""
