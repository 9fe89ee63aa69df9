"""cabinetry's configuration, as the table of formats has it."""

from nuhist.exchange.format import Format

CABINETRY = Format(
    "cabinetry", "cabinetry", "cabinetry", (".yml", ".yaml"), elsewhere="nuhist export root --cabinetry FILE"
)
