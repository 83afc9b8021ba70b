using System.Net;

namespace CertActors.Server;

/// <summary>What the server and the demonstration have in common.</summary>
internal abstract record Arguments
{
    /// <summary>What to listen on; port 0 for any free one.</summary>
    public required IPEndPoint Endpoint { get; init; }

    /// <summary>The maximum number of open connections; null for what the limit of open files allows.</summary>
    public int? MaxConnections { get; init; }
}

/// <summary>The arguments of the demonstration.</summary>
internal sealed record DemonstrationArguments : Arguments
{
    /// <summary>The interval between two rotations.</summary>
    public required TimeSpan Every { get; init; }

    /// <summary>The number of rotations after which it ends; null for no end.</summary>
    public int? Rotations { get; init; }
}

/// <summary>The arguments of the server.</summary>
internal sealed record ServeArguments : Arguments
{
    /// <summary>The name of the trust bundle of <see cref="ClientAuthorities"/>.</summary>
    public const string BundleOfClientAuthorities = "clients";

    /// <summary>The pairs and trust bundles.</summary>
    public required ServerConfiguration Configuration { get; init; }

    /// <summary>The files with the authorities that clients' certificates must lead to; none if <see cref="ClientBundle"/> names them, or clients are not asked for one.</summary>
    public IList<string> ClientAuthorities { get; init; } = [];

    /// <summary>The trust bundle of the configuration that clients' certificates are verified against; null if none is.</summary>
    public string? ClientBundle { get; init; }

    /// <summary>The trust bundle that the certificates of clients are verified against; null if clients are not asked for one.</summary>
    public string? TrustBundle => ClientAuthorities.Count > 0 ? BundleOfClientAuthorities : ClientBundle;

    /// <summary>Whether clients are asked for a certificate, where there is a <see cref="TrustBundle"/>.</summary>
    public ClientCertificates ClientCertificates
    {
        get => TrustBundle is null ? ClientCertificates.None : field;
        init;
    } = ClientCertificates.Require;

    /// <summary>How long the start waits for files that are missing or rejected; null if the first load that fails ends it.</summary>
    public TimeSpan? Wait { get; init; }

    /// <summary>Networks whose clients may read the page and the metrics, besides clients on this machine.</summary>
    public IReadOnlyList<IPNetwork> MonitoringFrom { get; init; } = [];
}
