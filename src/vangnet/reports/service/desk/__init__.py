"""The work at the desk: the queue, whoever works on what, present danger, what is missed."""
