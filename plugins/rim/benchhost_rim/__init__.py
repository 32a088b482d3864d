"""Recurrent inference machines: one recurrent network that learns to climb any likelihood."""
