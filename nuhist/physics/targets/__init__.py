"""What neutrinos scatter on: atoms, their electrons and their photoabsorption."""
