using CertActors.Diagnostics;

namespace CertActors;

/// <summary>A pair was swapped: the next handshake gets the current certificate.</summary>
public sealed record CertificateChanged : GenerationChanged
{
    /// <summary>The leaf that was served before; null for the first load.</summary>
    public required CertificateFacts? Previous { get; init; }

    /// <summary>The leaf that is served from now on. Equal to <see cref="Previous"/> if only the intermediates changed.</summary>
    public required CertificateFacts Current { get; init; }

    /// <summary>
    /// The intermediates that are sent with the leaf, in the order of issue; those whose fields can't be decoded are left out. Default: none. Compares by
    /// value.
    /// </summary>
    public IReadOnlyList<CertificateFacts> Chain
    {
        get;
        init => field = ValueList.Of(value);
    } = ValueList.Of<CertificateFacts>([]);

    /// <summary>The intermediate that expires first, if it does so before the leaf; null if none does.</summary>
    internal CertificateFacts? EndsEarlier
    {
        get
        {
            CertificateFacts? first = null;
            for (var i = 0; i < Chain.Count; i++)
            {
                if (Chain[i].NotAfter < (first ?? Current).NotAfter)
                    first = Chain[i];
            }

            return first;
        }
    }
}
