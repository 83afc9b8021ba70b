namespace CertActors;

/// <summary>The purpose of a pair. A leaf that limits its use (extended key usage, RFC 5280, 4.2.1.12) must allow it.</summary>
public enum CertificatePurpose
{
    /// <summary>A server authenticates itself to its clients.</summary>
    ServerAuthentication,

    /// <summary>A client authenticates itself to servers.</summary>
    ClientAuthentication,
}
