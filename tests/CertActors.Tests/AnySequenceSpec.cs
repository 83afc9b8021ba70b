using CertActors.Tests.Support;
using CertActors.Watching;
using CsCheck;

namespace CertActors.Tests;

/// <summary>Whatever is done to the files, events alone bring what they lead to before the next handshake.</summary>
/// <remarks>Other specs see to it that messages can be serialized; here that would take most of the time.</remarks>
public sealed class AnySequenceSpec : PipelineKit
{
    private const int Sequences = 2_000;

    public AnySequenceSpec()
        : base(serializeMessages: false)
    {
        Rounds = 3;
    }

    [Fact]
    public void Once_the_files_are_left_alone_what_they_lead_to_is_served_or_the_last_good_pair() =>
        Gen.Select(FileSteps.Any, Gen.Int[0, 3], (step, rest) => (step.Name, step.Do, Rests: rest == 0)).List[1, 12].Sample(
            steps =>
            {
                var files = new InodeFiles();
                files.MakeDirectory("/certs");
                var holder = new CertificateHolder();
                var registry = new CertificateRegistry(
                    holder,
                    new CertificateSupervisorOptions { Certificates = [Options()] }.Checked(),
                    new Platform(files.Open, new DiskLanes(files, Disk)),
                    loggers: null);
                Start(CertificateSupervisor.Props(registry));

                string? lastGood = null;
                foreach (var (name, step, rests) in steps.Append(("rest", _ => { }, Rests: true)))
                {
                    step(files);
                    if (!rests)
                        continue;

                    // Less than a poll takes, so that no poll can help out.
                    Barrier();
                    Advance(milliseconds: 151);
                    lastGood = FileSteps.Resolve(files) ?? lastGood;
                    if (holder.Current?.Facts.Sha256 != lastGood)
                        throw new InvalidOperationException($"after '{name}' {holder.Current?.Facts.Sha256 ?? "nothing"} is served instead of {lastGood}");
                }

                Stop();
            },
            iter: Sequences,
            threads: 1,
            print: steps => string.Join("; ", steps.Select(step => step.Rests ? step.Name + ", rest" : step.Name)));
}
