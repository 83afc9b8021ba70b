namespace CertActors;

/// <summary>
/// What a pair is for; purposes can be combined. A leaf that limits its use (extended key usage, RFC 5280, 4.2.1.12) must allow each of them.
/// </summary>
[Flags]
public enum CertificatePurpose
{
    /// <summary>A server authenticates itself to its clients.</summary>
    ServerAuthentication = 1,

    /// <summary>
    /// A client authenticates itself to servers. A pair for this alone answers to no server name and is never the default:
    /// <see cref="CertificateHolder.Get"/> returns it.
    /// </summary>
    ClientAuthentication = 2,
}
