using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CertActors.Disk;
using CertActors.Supervision;
using CertActors.Tests.Support;
using CertActors.Watching.Sources;
using CsCheck;

namespace CertActors.Tests;

/// <summary>Whatever is written to the files of a pair, and whenever: what is served was complete on disk at one moment, and passed the rules then.</summary>
public sealed class AnyContentSpec : PipelineKit
{
    private const int Sequences = 1_000;

    // What the numbers of a step stand for, in words.
    private static readonly string[] Candidates =
    [
        "a good pair", "another good pair", "an older good pair", "an expired pair", "a pair that expires in 2 days", "a pair that is valid in a day",
        "a pair that is valid in 3 days", "a pair with a chain", "a pair for clients", "a weak pair",
    ];

    private static readonly string[] Writes =
    [
        "the key alone", "the certificate alone", "a truncated certificate", "the certificate and a truncated issuer", "an empty key",
        "the key first", "the certificate first",
    ];

    private static readonly string[] Rests = ["", "", "", "then 5 s", "then 20 hours", "in the midst of the next loads"];

    private static readonly TestAuthority Issuer = new("issuer", new TestAuthority("root"));
    private static readonly ECDsa[] Keys = [.. Enumerable.Range(0, 10).Select(_ => ECDsa.Create(ECCurve.NamedCurves.nistP256))];
    private static readonly TestPair Weak = new TestLeaf { RsaBits = 1024, NotAfter = TestTime.Start.AddYears(50) }.Make();

    public AnyContentSpec()
        : base(serializeMessages: false)
    {
    }

    [Fact]
    public void What_is_served_was_complete_on_disk_and_good_at_one_moment() =>
        Gen.Select(Gen.Int[0, 10], Gen.Int[0, 6], Gen.Int[0, 5]).List[1, 15].Sample(
            steps =>
            {
                var candidates = CandidatesAt(Sys.Scheduler.Now);
                var files = new MemoryFiles();
                var holder = new CertificateHolder();
                var state = new SupervisorState(
                    holder,
                    new CertificatesOptions { Certificates = [Options()] }.Validated(),
                    new Platform(Events.Open, new DiskScheduler(files, Disk)),
                    loggers: null);
                HashSet<string> complete = [];
                string? certificate = null, key = null;

                // Another process may write between any two reads.
                var pending = new Queue<Action>();
                files.AfterRead = _ =>
                {
                    if (pending.TryDequeue(out var write))
                        write();
                };
                Start(CertificateSupervisor.Props(state));

                CertificateFacts? before = null;
                foreach (var (which, what, rest) in steps)
                {
                    var next = candidates[which];
                    Action[] writes = what switch
                    {
                        0 => [() => WriteKey(next.Pair.KeyPem)],
                        1 => [() => WriteCertificate(next.Pair.CertificatePem)],
                        2 => [() => WriteCertificate(next.Pair.CertificatePem[..^60])],
                        3 => [() => WriteCertificate(next.Pair.CertificatePem + Issuer.CertificatePem[..^40])],
                        4 => [() => WriteKey("")],
                        5 => [() => WriteKey(next.Pair.KeyPem), () => WriteCertificate(next.Pair.CertificatePem)],
                        _ => [() => WriteCertificate(next.Pair.CertificatePem), () => WriteKey(next.Pair.KeyPem)],
                    };
                    if (rest == 5)
                        Array.ForEach(writes, pending.Enqueue); // In the midst of the loads to come.
                    else
                        Array.ForEach(writes, write => write());
                    Events.Raise(CertPath, FileEventKind.Written);
                    Events.Raise(KeyPath, FileEventKind.Written);
                    Barrier();
                    Advance(milliseconds: 151);
                    if (rest is 3)
                        AdvancePastHold();
                    if (rest is 4)
                        Advance(seconds: TimeSpan.FromHours(20).TotalSeconds);

                    var served = holder.Current;
                    if (served is null || served.Facts.Equals(before))
                        continue;
                    Check(served.Facts);
                    before = served.Facts;
                }

                pending.Clear();
                Stop();

                void WriteCertificate(string text)
                {
                    files.Write(CertPath, certificate = text);
                    Note();
                }

                void WriteKey(string text)
                {
                    files.Write(KeyPath, key = text);
                    Note();
                }

                void Note()
                {
                    if (Array.Find(candidates, each => each.Pair.CertificatePem == certificate && each.Pair.KeyPem == key).Pair is { } pair)
                        complete.Add(pair.Sha256);
                }

                void Check(CertificateFacts served)
                {
                    var candidate = Array.Find(candidates, each => each.Pair.Sha256 == served.Sha256)!;
                    if (!complete.Contains(served.Sha256))
                        throw new InvalidOperationException("what is served was never complete on disk");
                    if (!candidate.IsGood)
                        throw new InvalidOperationException("what is served breaks the rules");
                    // It was swapped in up to a day ago.
                    var now = Sys.Scheduler.Now;
                    var wasValid = before is not null && before.NotBefore <= now.AddDays(-1) && now <= before.NotAfter;
                    if (wasValid && candidate.IsFlawed && !Array.Find(candidates, each => each.Pair.Sha256 == before!.Sha256).IsFlawed)
                        throw new InvalidOperationException("what is served is refused by clients, and a better one was served");
                    if (wasValid && (served.NotAfter < now.AddDays(-1) || served.NotBefore > now))
                        throw new InvalidOperationException("what is served isn't valid, and a valid one was");
                }
            },
            iter: Sequences,
            threads: 1,
            print: steps => string.Join("; ", steps.Select(step => $"{Candidates[step.Item1]}, {Writes[step.Item2]}, {Rests[step.Item3]}".TrimEnd(',', ' '))));

    /// <summary>Pairs, whether one is of use and strong, so that it may be served at all, and whether clients refuse it.</summary>
    private static (TestPair Pair, bool IsGood, bool IsFlawed)[] CandidatesAt(DateTimeOffset now)
    {
        // Keys are made once: making them for each sequence would take most of the time.
        var key = 0;
        var chained = Make(Leaf(-1, 250) with { Issuer = Issuer });
        return
        [
            (Make(Leaf(-1, 300)), true, false), (Make(Leaf(-1, 300)), true, false), (Make(Leaf(-10, 200)), true, false),
            (Make(Leaf(-10, -1)), true, false), (Make(Leaf(-10, 2)), true, false), (Make(Leaf(1, 100)), true, false), (Make(Leaf(3, 50)), true, false),
            (chained with { CertificatePem = chained.CertificatePem + Issuer.CertificatePem }, true, false),
            (Make(Leaf(-1, 300) with { Purposes = ["1.3.6.1.5.5.7.3.2"] }), false, false), (Weak, false, false),
            (Make(Leaf(-1, 300) with { Usage = X509KeyUsageFlags.CrlSign }), true, true),
        ];

        TestPair Make(TestLeaf leaf) => leaf.Make(Keys[key++]);

        TestLeaf Leaf(int fromDay, int toDay) => new() { NotBefore = now.AddDays(fromDay), NotAfter = now.AddDays(toDay) };
    }
}
