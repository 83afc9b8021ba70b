using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>A certificate tells when it is no longer the one that is served, and whoever listens can disturb nobody.</summary>
public sealed class SupersededSpec : PipelineKit
{
    [Fact]
    public void The_token_is_cancelled_by_the_next_swap_and_by_nothing_else()
    {
        Write(TestPair.Make());
        Start();
        var first = Current;
        Files.Write(CertPath, "garbage");
        Raise(CertPath);
        AdvancePastDebounce();
        AdvancePastHold();
        Assert.False(first.Superseded.IsCancellationRequested);

        Rotate(TestPair.Make());
        AdvancePastDebounce();

        Assert.True(first.Superseded.IsCancellationRequested);
        Assert.False(Current.Superseded.IsCancellationRequested);
    }

    [Fact]
    public void A_token_that_is_first_asked_for_after_the_swap_is_cancelled()
    {
        Write(TestPair.Make());
        Start();
        var first = Current;
        Rotate(TestPair.Make());
        AdvancePastDebounce();

        Assert.True(first.Superseded.IsCancellationRequested);
    }

    [Fact]
    public async Task A_callback_finds_the_next_generation_served_and_runs_on_the_thread_pool()
    {
        Write(TestPair.Make("a.example"));
        Start();
        var seen = new TaskCompletionSource<(long? Current, long? Selected, bool IsPoolThread)>();
        Current.Superseded.UnsafeRegister(
            _ => seen.SetResult((Holder.Current?.Generation, Holder.Select("a.example")?.Generation, Thread.CurrentThread.IsThreadPoolThread)), state: null);

        Rotate(TestPair.Make("a.example"));
        AdvancePastDebounce();

        Assert.Equal((2, 2, true), await seen.Task.WaitAsync(Generous));
    }

    [Fact]
    public async Task A_callback_that_hangs_or_throws_holds_no_later_swap_up()
    {
        Write(TestPair.Make());
        Start();
        using var release = new ManualResetEventSlim();
        var called = new TaskCompletionSource();
        Current.Superseded.UnsafeRegister(
            _ =>
            {
                called.SetResult();
                release.Wait(Generous);
            },
            state: null);
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        await called.Task.WaitAsync(Generous);

        var next = new TaskCompletionSource();
        Current.Superseded.UnsafeRegister(_ => next.SetResult(), state: null);
        Current.Superseded.UnsafeRegister(_ => throw new InvalidOperationException("a fault of the server's"), state: null);
        Rotate(TestPair.Make());
        AdvancePastDebounce();
        await next.Task.WaitAsync(Generous);

        Assert.Equal(3, Current.Generation);
        release.Set();
    }
}
