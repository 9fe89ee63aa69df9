"""Where neutrinos come from: fluxes by component, energy and flavour at the detector."""
