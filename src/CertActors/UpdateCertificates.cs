using CertActors.Diagnostics;

namespace CertActors;

/// <summary>
/// Asks the supervisor to serve what other options have, in the place of those that it was started with, or was updated to. Answered with
/// <see cref="UpdateCertificatesResult"/> at once.
/// </summary>
/// <remarks>
/// <para>
/// Pairs and trust bundles that only the last options had are removed, and new ones are added. One whose options have changed, for example its paths, keeps
/// its place and its generation, and its last accepted certificate is served until the new files are accepted. Those whose options are the same are not
/// touched, nor are those that <see cref="AddCertificate"/> or <see cref="AddTrustBundle"/> has added.
/// </para>
/// <para>
/// If the <see cref="CertificateOptions.Purpose"/> of a pair or its <see cref="CertificateOptions.MustChainTo"/> has changed, its files are judged by the new
/// options at once, even if they contain what is served. If they are rejected, this is reported as for new files, and the last certificate is served by the
/// names that it had until now, as far as the options leave them to the pair. No other name leads to it until it is accepted; nor does the default, if the
/// pair was not for servers. Clients that ask for such a name wait for the judgement as for a first load. Other rules apply to files that differ from what
/// is served.
/// </para>
/// <para>
/// If the default is removed and the next one isn't loaded yet, as when it gets another name, the last certificate of the removed pair continues to be
/// served as the default until the next one is loaded, and is superseded then. Until then it is in <see cref="CertificateSupervisorStatus.Removed"/>;
/// <see cref="RemoveCertificate"/> takes it away. If the options have no pair for servers, there is no default.
/// </para>
/// <para>
/// The default, and the pair that answers to a server name which several have, are those that the same options have after a start, once they are loaded:
/// the order of the pairs is that of the options, and those that messages have added come last. Until the new default is loaded, the last one continues to
/// be served as the default. If the options are invalid, nothing changes.
/// </para>
/// </remarks>
/// <param name="Options">All pairs and trust bundles, and what applies to all of them. Don't change them once the message is sent.</param>
/// <example><code>
/// var result = await supervisor.Ask&lt;UpdateCertificatesResult&gt;(new UpdateCertificates(options), timeout);
/// if (result.Errors.Count > 0) …
/// </code></example>
public sealed record UpdateCertificates(CertificatesOptions Options);

/// <summary>The answer to <see cref="UpdateCertificates"/>.</summary>
public sealed record UpdateCertificatesResult
{
    /// <summary>
    /// The names of the pairs and trust bundles that were added. One whose name is being removed is added as soon as that has ended; but if it was the last
    /// options that left it out, and its removal has not ended, it keeps its place and its generation, and is served all the time. Compares by value.
    /// </summary>
    public IReadOnlyList<string> Added
    {
        get;
        init => field = ValueList.Of(value);
    } = ValueList.Of<string>([]);

    /// <summary>The names of those that were removed. Compares by value.</summary>
    public IReadOnlyList<string> Removed
    {
        get;
        init => field = ValueList.Of(value);
    } = ValueList.Of<string>([]);

    /// <summary>The names of those whose options have changed. Compares by value.</summary>
    public IReadOnlyList<string> Changed
    {
        get;
        init => field = ValueList.Of(value);
    } = ValueList.Of<string>([]);

    /// <summary>Why nothing was changed: every error of the options; none if they were applied. Compares by value.</summary>
    public IReadOnlyList<string> Errors
    {
        get;
        init => field = ValueList.Of(value);
    } = ValueList.Of<string>([]);
}
