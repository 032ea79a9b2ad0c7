-- The share of a call's samples above a threshold, from the call's own percentiles.
-- Grain: scalar, 0 to 1; null when no point is known. Source: none. A rerun replaces the macro.
-- Parameters: the threshold; the points y0 to y100, each raised to the one before where it falls or is
-- not known; their levels f50 to f99 in percent, each that of the point before where it is not known.
-- The summary is read as pooled_latency reads it: piecewise linear between points, and what lies
-- beyond the known ones sits on the nearest. A value on the threshold is not above it.
create or replace macro share_above(
    threshold, y0, y50, y90, y95, y99, y100, f50, f90, f95, f99
) as
case
    when threshold >= y100 then 0.0
    when threshold >= y99 then (100 - f99) * (y100 - threshold) / (y100 - y99) / 100
    when threshold >= y95
        then (100 - f99 + (f99 - f95) * (y99 - threshold) / (y99 - y95)) / 100
    when threshold >= y90
        then (100 - f95 + (f95 - f90) * (y95 - threshold) / (y95 - y90)) / 100
    when threshold >= y50
        then (100 - f90 + (f90 - f50) * (y90 - threshold) / (y90 - y50)) / 100
    when threshold >= y0
        then (100 - f50 + f50 * (y50 - threshold) / (y50 - y0)) / 100
    when y100 is not null then 1.0
end;
