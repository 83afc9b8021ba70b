using System.Globalization;

namespace CertActors.Configuration;

/// <summary>Reads durations as people write them in configuration files.</summary>
internal static class DurationText
{
    public const string Expected = "a duration such as 150ms, 5s, 10m, 1h, 14d or 00:00:05";

    // The longer unit first: "ms" ends in "s".
    private static readonly (string Unit, long Ticks)[] Units =
    [
        ("ms", TimeSpan.TicksPerMillisecond), ("s", TimeSpan.TicksPerSecond), ("m", TimeSpan.TicksPerMinute), ("h", TimeSpan.TicksPerHour), ("d", TimeSpan.TicksPerDay),
    ];

    /// <summary>Reads a number with its unit, or hours, minutes and seconds. A number alone is none: to .NET it means days, and to Akka milliseconds.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        text = text.Trim();
        if (text.Contains(':', StringComparison.Ordinal))
            return TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out duration);

        duration = default;
        var (unit, ticks) = Units.FirstOrDefault(unit => text.EndsWith(unit.Unit, StringComparison.OrdinalIgnoreCase));
        if (unit is null || !decimal.TryParse(
            text.AsSpan()[..^unit.Length].TrimEnd(), NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            return false;
        if (Math.Abs(number) > TimeSpan.MaxValue.Ticks / ticks)
            return false;
        duration = TimeSpan.FromTicks((long)(number * ticks));
        return true;
    }
}
