using System.Globalization;

namespace CertActors.Benchmarks;

/// <summary>The limit of a figure. It is printed beside the figure, and decides nothing: a busy machine misses limits that a quiet one keeps.</summary>
internal static class Limit
{
    public static string AtMost(double limit, double figure) => Of(limit, isMissed: figure > limit);

    public static string AtLeast(double limit, double figure) => Of(limit, isMissed: figure < limit);

    private static string Of(double limit, bool isMissed) => string.Create(CultureInfo.InvariantCulture, $"limit {limit}{(isMissed ? ", missed" : "")}");
}
