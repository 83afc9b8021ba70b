using Akka.Actor;
using CertActors.Tests.Support;

namespace CertActors.Benchmarks;

/// <summary>A holder of many pairs, each with a name and a wildcard, and without files and actors.</summary>
internal static class ManyNames
{
    public static CertificateHolder Load(int pairs)
    {
        var holder = new CertificateHolder();
        var options = Enumerable.Range(0, pairs).Select(pair => new CertificateOptions { Name = $"{pair:00000}", CertificatePath = "tls.crt", KeyPath = "tls.key" });
        foreach (var (pair, cell) in holder.Claim(ActorRefs.Nobody, [.. options]).Index())
            TestServing.Publish(cell, Exact(pair), $"*.{Zone(pair)}");
        return holder;
    }

    public static string Exact(int pair) => $"host-{pair}.example.org";

    public static string BelowWildcard(int pair) => $"www.{Zone(pair)}";

    public static string Unknown(int pair) => $"host-{pair}.example.com";

    private static string Zone(int pair) => $"zone-{pair}.example.org";
}
