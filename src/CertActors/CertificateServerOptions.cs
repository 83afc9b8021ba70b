using System.Security.Authentication;

namespace CertActors;

/// <summary>How a server selects its certificate and checks its clients.</summary>
public class CertificateServerOptions
{
    /// <summary>Whether clients are asked for a certificate. Default <see cref="CertActors.ClientCertificates.None"/>.</summary>
    public ClientCertificates ClientCertificates { get; set; }

    /// <summary>
    /// The trust bundle that the certificates of clients are verified against (<see cref="TrustBundleOptions.Name"/>). Required unless
    /// <see cref="ClientCertificates"/> is <see cref="CertActors.ClientCertificates.None"/>; default null.
    /// </summary>
    public string? TrustBundle { get; set; }

    /// <summary>
    /// Whether a client that sends no server name, or one that no pair has, is refused. Default false: it gets the default pair's certificate.
    /// </summary>
    public bool StrictNames { get; set; }

    /// <summary>
    /// The versions of TLS. Default <see cref="SslProtocols.None"/>: those of the system, or TLS 1.2 and 1.3 where clients are asked for a certificate.
    /// </summary>
    /// <remarks>
    /// <para>
    /// .NET keeps sessions by certificate, versions and whether there is ALPN, and a session that began without a client certificate fails where one is
    /// required. So if servers on the same holder name the same versions (as by <c>ConfigureHttpsDefaults</c>), and some of them ask for client certificates
    /// and others don't, only those that are as the first (<see cref="CertificateHolder.AddServer"/>) resume sessions: each handshake of the others is a full
    /// one, whatever their ALPN.
    /// </para>
    /// <para>
    /// Servers that allow a client certificate and servers that require one share sessions. A client that has begun a session without a certificate is
    /// refused where one is required for as long as it resumes that session, even if it has a certificate by then. With other versions, it begins another.
    /// </para>
    /// </remarks>
    public SslProtocols Protocols { get; set; } = SslProtocols.None;

    /// <exception cref="CertificateOptionsException">The options are invalid; every error is listed.</exception>
    public void Validate()
    {
        List<string> errors = [];
        if (!Enum.IsDefined(ClientCertificates))
            errors.Add($"{nameof(ClientCertificates)} is {ClientCertificates}, and must be one of {string.Join(", ", Enum.GetNames<ClientCertificates>())}");
        if (ClientCertificates != ClientCertificates.None && string.IsNullOrEmpty(TrustBundle))
            errors.Add($"{nameof(TrustBundle)} must name the trust bundle that clients are verified against, as {nameof(ClientCertificates)} is {ClientCertificates}");
        if (ClientCertificates == ClientCertificates.None && TrustBundle is not null)
            errors.Add($"{nameof(TrustBundle)} is '{TrustBundle}', and no client is asked for a certificate; set {nameof(ClientCertificates)}, too");
        if (errors.Count > 0)
            throw new CertificateOptionsException(errors);
    }
}

/// <summary>Whether a server asks its clients for a certificate.</summary>
public enum ClientCertificates
{
    /// <summary>No client is asked.</summary>
    None,

    /// <summary>Clients are asked. One without a certificate is served; one with a certificate that is refused is not.</summary>
    Allow,

    /// <summary>A client without a certificate, or with one that is refused, is not served.</summary>
    Require,
}
