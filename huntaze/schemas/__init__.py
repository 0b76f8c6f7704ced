"""What a form or a JSON body may say. One schema serves both."""
