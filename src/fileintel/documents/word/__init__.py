"""WordprocessingML (ECMA-376 part 1, section 17): `body` reads text; styles, numbering, symbols, formulas serve it."""
