using System.Text;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;
using CertActors.Verifying;

namespace CertActors.Tests.Support;

/// <summary>Judges trust bundles that were damaged at random in every way, and keeps count of what comes of them.</summary>
internal sealed class BundleFuzz
{
    // What concerns keys and passwords, the disk, or the leaf of a pair, no bundle can be rejected by.
    private static readonly RejectionReason[] OfBundles =
    [
        RejectionReason.FileEmpty, RejectionReason.CertificateMalformed, RejectionReason.KeyMalformed, RejectionReason.BlockUnsupported,
        RejectionReason.TooWeak, RejectionReason.NotAuthority, RejectionReason.RevocationListMalformed, RejectionReason.RevocationListUnsupported,
        RejectionReason.RevocationListNotSigned,
    ];

    private static readonly DateTimeOffset Now = TestTime.Start.AddYears(5);
    private static readonly TrustBundleOptions Policy = new() { CertificatePaths = ["/ca.pem"], RevocationListPaths = ["/ca.crl"] };

    private readonly Random _random;
    private readonly Damage _damage;
    private readonly byte[][] _certificates;
    private readonly byte[][] _lists;
    private readonly LoadedBundle _served;

    public BundleFuzz(int seed)
    {
        _random = new Random(seed);
        var (root, other) = (new TestAuthority("root"), new TestAuthority("other"));
        var list = new TestRevocationList { Issuer = root, Serials = [[1], [2, 3], [4, 5, 6, 7, 8, 9, 10]] };
        _certificates =
        [
            .. ((string[])[
                root.CertificatePem + other.CertificatePem,
                new TestAuthority("intermediate", root).CertificatePem + root.CertificatePem,
                root.CertificatePem + TestPair.Make().KeyPem,
                root.CertificatePem + TestPair.Make().CertificatePem]).Select(Encoding.ASCII.GetBytes),
        ];
        _lists =
        [
            list.Make(),
            Encoding.ASCII.GetBytes(list.MakePem()),
            (list with { EntryExtensions = [("2.5.29.21", false, [0x0a, 0x01, 0x01])] }).Make(),
            (list with { Algorithm = "1.2.840.10045.4.1" }).Make(),
            (list with { Extensions = [("2.5.29.27", true, [0x02, 0x01, 0x01])] }).Make(),
            (list with { Issuer = other, Signer = root }).Make(),
        ];
        _damage = new Damage(_random, () => Any(_random.Next(2) == 0 ? _certificates : _lists));
        _served = ((Verdict.Accepted)Judge(_certificates[0], _lists[0], served: null)).Bundle;
    }

    public long Accepted { get; private set; }

    public SortedDictionary<RejectionReason, long> Rejected { get; } = [];

    /// <summary>The most bytes that one verdict has allocated.</summary>
    public long Largest { get; private set; }

    public IEnumerable<RejectionReason> NotHit => OfBundles.Except(Rejected.Keys);

    public IEnumerable<RejectionReason> NotExpected => Rejected.Keys.Except([.. OfBundles, RejectionReason.KeyUnsupported]);

    public void Run(long inputs)
    {
        for (var i = 0; i < inputs; i++)
        {
            var (certificates, list) = (Any(_certificates), Any(_lists));
            switch (_random.Next(5))
            {
                case 0 or 1:
                    certificates = _damage.Of(certificates);
                    break;
                case 2 or 3:
                    list = _damage.Of(list);
                    break;
            }

            var allocated = GC.GetAllocatedBytesForCurrentThread();
            var verdict = Judge(certificates, list, _random.Next(2) == 0 ? _served : null);
            Largest = Math.Max(Largest, GC.GetAllocatedBytesForCurrentThread() - allocated);
            Note(verdict);
        }
    }

    private static Verdict Judge(byte[] certificates, byte[] list, LoadedBundle? served) => BundleJudge.Of(
        new BundleContent([new BundleFile("/ca.pem", certificates)], [new BundleFile("/ca.crl", list)]), served, Now, Policy);

    private void Note(Verdict verdict)
    {
        switch (verdict)
        {
            case Verdict.Rejected rejected:
                Rejected[rejected.Reason] = Rejected.GetValueOrDefault(rejected.Reason) + 1;
                break;
            case Verdict.Accepted accepted:
                Accepted++;
                accepted.Bundle.Dispose();
                break;
        }
    }

    private T Any<T>(T[] items) => items[_random.Next(items.Length)];
}
