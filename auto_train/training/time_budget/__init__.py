"""`[training] minutes`: how many epochs fit, and what happens when the machine is faster or slower."""
