"""Receives the events that the API pushes: verified, durable before they are answered, then landed.

Where an event goes: `server` answers for it → `signature`, `sources` → `journal` (durable) → `land`
(`event` → landing) and `forward` (passing on); `numbers` counts.
"""
