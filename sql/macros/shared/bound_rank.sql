-- The place, among sorted samples, of a bound of the 95 % interval of a percentile.
-- Grain: scalar, from 1; below 1 or above the samples where these are too few for a bound.
-- Source: none. A rerun replaces the macro.
-- Parameters: samples, how many there are; level, 0 to 1; side, -1 for the lower bound or 1 for the upper.
-- How many of n samples lie below the true percentile is binomial (n, level): its 2.5 % and 97.5 %
-- points are ranks, and the samples in these places bound the percentile whatever the distribution.
-- They are taken from the normal approximation with continuity correction, which is at most a rank
-- or two wider or narrower than the exact ones.
create or replace macro bound_rank(samples, level, side) as
case
    when side < 0
        then floor(
            samples * cast(level as double)
            - 1.959963984540054 * sqrt(samples * cast(level as double) * (1 - level))
            + 0.5
        )
    else ceil(
        samples * cast(level as double)
        + 1.959963984540054 * sqrt(samples * cast(level as double) * (1 - level))
        + 0.5
    )
end;
