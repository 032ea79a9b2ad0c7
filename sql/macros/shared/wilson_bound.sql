-- A bound of the Wilson 95 % interval of a rate.
-- Grain: scalar, 0 to 1; null where whole is 0. Source: none. A rerun replaces the macro.
-- Parameters: part and whole, counts; side, -1 for the lower bound or 1 for the upper.
-- Wilson's interval holds for few calls and for rates near 0 and 1, where the usual one (rate ± 1.96
-- standard errors) is too short or leaves the range. The numbers are z, z² / 4, z² / 2 and z² of the
-- 97.5 % point z of the normal distribution.
create or replace macro wilson_bound(part, whole, side) as
least(
    greatest(
        (
            part + 1.920729410347062
            + side * 1.959963984540054
            * sqrt(cast(part as double) * (whole - part) / nullif(whole, 0) + 0.960364705173531)
        ) / (nullif(whole, 0) + 3.841458820694124),
        case when whole > 0 then 0.0 end
    ),
    case when whole > 0 then 1.0 end
);
