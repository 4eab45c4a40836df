"""Runs Lambda functions: the uploaded archive and its layers, in processes of their own."""
