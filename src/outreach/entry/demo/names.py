"""Invented places and common names for the demo's customers; nobody real stands behind them."""

from __future__ import annotations

GIVEN = (
    "Ana", "Benjamín", "Camila", "Daniel", "Elena", "Felipe", "Gabriela", "Hernán", "Isabel", "Joaquín",
    "Karina", "Lucía", "Martín", "Natalia", "Óscar", "Paula", "Ramiro", "Sofía", "Tomás", "Valentina",
)  # fmt: skip
FAMILY = (
    "Acuña", "Barrios", "Cárdenas", "Duarte", "Escobar", "Fuentes", "Godoy", "Herrera", "Ibáñez", "Jara",
    "Lagos", "Muñoz", "Núñez", "Olivares", "Peña", "Quiroga", "Rivas", "Salazar", "Tapia", "Ugarte",
    "Vega", "Yáñez", "Zúñiga", "Moreira", "Nogueira", "Teixeira", "Walker", "Bennett",
)  # fmt: skip
TRADES = ("Panadería", "Ferretería", "Almacén", "Hotel", "Frigorífico", "Taller", "Farmacia")
STREETS = (
    "Los Aromos", "Calle del Faro", "Av. Costanera", "Pasaje Las Gaviotas", "El Molino", "Camino Alto",
    "Los Boldos", "La Caleta", "Av. Estación", "Pasaje Dunas",
)  # fmt: skip
