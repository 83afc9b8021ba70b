namespace CertActors;

/// <summary>What a pair is for: a leaf that limits its use (extended key usage, RFC 5280, 4.2.1.12) must allow it.</summary>
public enum CertificatePurpose
{
    /// <summary>A server shows it to its clients.</summary>
    ServerAuthentication,

    /// <summary>A client shows it to servers.</summary>
    ClientAuthentication,
}
