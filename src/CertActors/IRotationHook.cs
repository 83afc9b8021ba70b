namespace CertActors;

/// <summary>
/// Takes part in the rotations of a supervisor: it may veto a swap, and is called after each swap and when an old generation has drained. Implement what
/// is needed; by default, nothing is done.
/// </summary>
/// <remarks>
/// <para>
/// Calls run on the thread pool. A hook that blocks instead of awaiting takes at most four of its threads for calls before swaps, and four for the
/// others; further calls wait. Several hooks, and one hook for several pairs, are called at the same time. For one
/// pair or trust bundle, the calls of a hook after swaps and drains come one after another, in their order; the one before the next swap may come
/// meanwhile.
/// </para>
/// <para>
/// A call that throws is logged (event 21), and so is one that exceeds <see cref="TimeLimit"/> (event 22), whose token is cancelled then: nothing waits
/// for it any longer, and a swap takes place. The time limit includes the wait for a thread: a call that gets none is left out (event 26), and so are the
/// further calls for the same pair while one that was given up does not end.
/// </para>
/// </remarks>
/// <example>
/// <code>
/// public sealed class OneRegionFirst(IFleet fleet) : IRotationHook
/// {
///     public async Task&lt;string?&gt; BeforeSwapAsync(GenerationChanged change, CancellationToken cancellationToken) =>
///         change is not CertificateChanged { Previous: not null } || await fleet.MayRotateAsync(change.Name, cancellationToken)
///             ? null
///             : "another region is still rotating";
/// }
/// </code>
/// </example>
public interface IRotationHook
{
    /// <summary>The name in messages and logs. Default: the name of the type.</summary>
    string Name => GetType().Name;

    /// <summary>How long a call may take, above 0 and at most an hour. Read once, when the supervisor is created. Default: 5 s.</summary>
    TimeSpan TimeLimit => TimeSpan.FromSeconds(5);

    /// <summary>
    /// Called before a swap: what was loaded is accepted, and not yet served. A veto rejects it (<see cref="RejectionReason.Vetoed"/>): what is served
    /// stays, and the load is tried again, with this call, after 0.25 s, doubling to 30 s.
    /// </summary>
    /// <remarks>
    /// It is also called for the first load, where a veto means that nothing is served, and for trust bundles, where it delays revocation lists. A
    /// <see cref="CertificateChanged"/> with a <see cref="CertificateChanged.Previous"/> is the replacement of a certificate that is served.
    /// </remarks>
    /// <param name="change">The swap as it would be announced.</param>
    /// <param name="cancellationToken">Cancelled at the time limit, and when the supervisor stops.</param>
    /// <returns>Null to let the swap take place; for people, why it must not otherwise.</returns>
    Task<string?> BeforeSwapAsync(GenerationChanged change, CancellationToken cancellationToken) => Task.FromResult<string?>(null);

    /// <summary>Called after a swap: the next handshake gets what was loaded.</summary>
    /// <param name="change">The swap.</param>
    /// <param name="cancellationToken">Cancelled at the time limit, and when the supervisor stops.</param>
    /// <returns>A task that ends with the call.</returns>
    Task AfterSwapAsync(GenerationChanged change, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Called when the last connection of a superseded generation has closed: the rotation has ended.</summary>
    /// <param name="drained">The generation.</param>
    /// <param name="cancellationToken">Cancelled at the time limit, and when the supervisor stops.</param>
    /// <returns>A task that ends with the call.</returns>
    Task AfterDrainAsync(GenerationDrained drained, CancellationToken cancellationToken) => Task.CompletedTask;
}
