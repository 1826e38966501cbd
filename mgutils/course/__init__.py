"""The course as a product: notebooks, their execution, the book, exercises and grading."""
