"""What of a PDF's page is text: `page_text` reads it by PDFium, `hyphens` and `running_heads` mend what is read."""
