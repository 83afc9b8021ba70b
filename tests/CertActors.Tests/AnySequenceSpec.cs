using CertActors.Disk;
using CertActors.Supervision;
using CertActors.Tests.Support;
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
    }

    [Fact]
    public void Once_the_files_are_left_alone_what_they_lead_to_is_served_or_the_last_good_pair() =>
        Gen.Select(FileSteps.Any, Gen.Int[0, 4], Gen.Int[1, 15], Step.Of).List[1, 12].Sample(
            steps =>
            {
                var files = new InodeFiles();
                files.MakeDirectory("/certs");
                var holder = new CertificateHolder();
                var state = new SupervisorState(
                    holder,
                    new CertificatesOptions { Certificates = [Options()] }.Validated(),
                    new Platform(files.Open, new DiskScheduler(files, Disk)),
                    loggers: null);
                HashSet<string?> good = [null];

                // Another process may act between any two looks.
                var pending = new Queue<Step>();
                var looks = 0;
                files.BeforeStat = () =>
                {
                    if (!pending.TryPeek(out var step) || ++looks < step.Looks)
                        return;
                    looks = 0;
                    Do(pending.Dequeue());
                };

                // Those that come first are done while the files are looked at for the first time, and nothing is watched yet.
                var first = steps.TakeWhile(step => step.Looks > 0).ToArray();
                Array.ForEach(first, pending.Enqueue);
                Start(CertificateSupervisor.Props(state));
                foreach (var step in steps.Skip(first.Length).Append(new Step("rest", _ => { }, Rests: true, Looks: 0)))
                {
                    if (step.Looks > 0)
                        pending.Enqueue(step);
                    else
                        Do(step);
                    if (!step.Rests)
                        continue;

                    // What is done in the midst of the last looks is noticed by later ones.
                    var isDisturbed = pending.Count > 0;
                    AdvancePastLoad();
                    if (isDisturbed)
                    {
                        while (pending.TryDequeue(out var late))
                            Do(late);
                        AdvancePastLoad();
                    }

                    var served = holder.Current?.Facts.Sha256;
                    if (Resolve() is { } expected && served != expected)
                        throw new InvalidOperationException($"after '{step.Name}' {served ?? "nothing"} is served instead of {expected}");
                    if (!good.Contains(served))
                        throw new InvalidOperationException($"after '{step.Name}' {served ?? "nothing"} is served, and not what was good last");
                    good = [served];
                }

                Stop();

                void Do(Step step)
                {
                    Undisturbed(() => step.Do(files));
                    if (Resolve() is { } sha256)
                        good.Add(sha256);
                }

                string? Resolve()
                {
                    string? sha256 = null;
                    Undisturbed(() => sha256 = FileSteps.Resolve(files));
                    return sha256;
                }

                // These look at the files themselves.
                void Undisturbed(Action action)
                {
                    var disturb = files.BeforeStat;
                    files.BeforeStat = null;
                    action();
                    files.BeforeStat = disturb;
                }
            },
            iter: Sequences,
            threads: 1,
            print: steps => string.Join("; ", steps));

    /// <summary>Passes less time than a poll takes, so that no poll can help out.</summary>
    private void AdvancePastLoad()
    {
        Barrier();
        Advance(milliseconds: 151);
    }

    /// <param name="Name">What it's called.</param>
    /// <param name="Do">What it does.</param>
    /// <param name="Rests">Whether the files are left alone after it.</param>
    /// <param name="Looks">Before which look of the actors at a path it's done; 0 if before all.</param>
    private sealed record Step(string Name, Action<IFileSteps> Do, bool Rests, int Looks)
    {
        public static Step Of((string Name, Action<IFileSteps> Do) step, int when, int looks) =>
            new(step.Name, step.Do, Rests: when == 0, when == 1 ? looks : 0);

        public override string ToString() => $"{Name}{(Looks > 0 ? $" before look {Looks}" : "")}{(Rests ? ", rest" : "")}";
    }
}
