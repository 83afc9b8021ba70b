using CertActors.Reloading;
using CertActors.Reloading.Judging;

namespace CertActors.Tests;

/// <summary>Every rule by which a rotation is held, as a row.</summary>
public sealed class HoldRuleSpec
{
    private const bool Holding = true;
    private const bool Held = true;

    // The certificate, then the key.
    private static readonly ContentTags Judged = new([Tag(1), Tag(2)]);
    private static readonly ContentTags NewKey = new([Tag(1), Tag(3)]);
    private static readonly ContentTags NewKeyAlone = new([null, Tag(3)]);
    private static readonly ContentTags KeyAlone = new([null, Tag(2)]);

    private static readonly Verdict LacksIssuer = new Verdict.Accepted(Loaded: null!, [], Incomplete: "why");
    private static readonly Verdict Complete = new Verdict.Accepted(Loaded: null!, [], Incomplete: null);

    /// <summary>What it's about; the verdict; what was read; what was judged last, or nothing; whether a load is held; whether this one is.</summary>
    private static readonly (string Rule, Verdict Verdict, ContentTags? Read, ContentTags? LastJudged, bool IsHolding, bool IsHeld)[] Rows =
    [
        ("an accepted pair", Complete, NewKey, Judged, Holding, !Held),
        ("an unchanged pair", Verdict.Unchanged.Instance, Judged, Judged, Holding, !Held),
        ("a chain that ends too early", LacksIssuer, NewKey, Judged, !Holding, Held),
        ("a chain that ends too early and was judged before", LacksIssuer, Judged, Judged, !Holding, Held),
        ("files that change while they are read", Rejected(RejectionReason.FilesChanging), null, Judged, !Holding, Held),

        ("a new half that doesn't match", Rejected(RejectionReason.KeyMismatch), NewKey, Judged, !Holding, Held),
        ("halves that don't match, first", Rejected(RejectionReason.KeyMismatch), NewKey, null, !Holding, Held),
        ("halves that don't match and were judged before", Rejected(RejectionReason.KeyMismatch), Judged, Judged, Holding, !Held),
        ("a new key without its password", Rejected(RejectionReason.PasswordWrong), NewKey, Judged, !Holding, Held),
        ("a key without its password, first", Rejected(RejectionReason.PasswordWrong), NewKey, null, !Holding, Held),
        ("a wrong password that was judged before", Rejected(RejectionReason.PasswordWrong), Judged, Judged, Holding, !Held),

        ("a new pair whose trust bundle is to follow", Rejected(RejectionReason.NotTrusted), NewKey, Judged, !Holding, Held),
        ("a pair whose trust bundle is to follow, first", Rejected(RejectionReason.NotTrusted), NewKey, null, !Holding, Held),
        ("an untrusted pair that was judged before", Rejected(RejectionReason.NotTrusted), Judged, Judged, Holding, !Held),

        ("a new key without a certificate", Rejected(RejectionReason.FileMissing), NewKeyAlone, Judged, !Holding, Held),
        ("a certificate that is removed", Rejected(RejectionReason.FileMissing), KeyAlone, Judged, Holding, !Held),
        ("a missing file, first", Rejected(RejectionReason.FileMissing), NewKeyAlone, null, Holding, !Held),

        ("a new key that is empty during a hold", Rejected(RejectionReason.FileEmpty), NewKey, Judged, Holding, Held),
        ("a new key that is cut short during a hold", Rejected(RejectionReason.KeyMalformed), NewKey, Judged, Holding, Held),
        ("a new certificate that is cut short during a hold", Rejected(RejectionReason.CertificateMalformed), NewKey, Judged, Holding, Held),
        ("a new key that is empty", Rejected(RejectionReason.FileEmpty), NewKey, Judged, !Holding, !Held),
        ("a new key that is cut short", Rejected(RejectionReason.KeyMalformed), NewKey, Judged, !Holding, !Held),
        ("a new certificate that is cut short", Rejected(RejectionReason.CertificateMalformed), NewKey, Judged, !Holding, !Held),
        ("an old key that is damaged during a hold", Rejected(RejectionReason.KeyMalformed), Judged, Judged, Holding, !Held),
        ("a damaged key during a hold, first", Rejected(RejectionReason.KeyMalformed), NewKey, null, Holding, !Held),
    ];

    private static readonly RejectionReason[] HeldReasons =
    [
        RejectionReason.FilesChanging, RejectionReason.KeyMismatch, RejectionReason.PasswordWrong, RejectionReason.FileMissing,
        RejectionReason.FileEmpty, RejectionReason.KeyMalformed, RejectionReason.CertificateMalformed, RejectionReason.NotTrusted,
    ];

    public static TheoryData<string> Rules => [.. Rows.Select(row => row.Rule)];

    public static TheoryData<RejectionReason> OtherReasons => [.. Enum.GetValues<RejectionReason>().Except(HeldReasons)];

    [Theory]
    [MemberData(nameof(Rules))]
    public void Each_rule_holds_or_does_not(string rule)
    {
        var (_, verdict, read, lastJudged, isHolding, isHeld) = Rows.Single(row => row.Rule == rule);

        Assert.Equal(isHeld, HoldRule.ShouldHold(new LoadResult(verdict, read, []), lastJudged, isHolding));
    }

    [Theory]
    [MemberData(nameof(OtherReasons))]
    public void What_the_other_half_can_not_correct_is_never_held(RejectionReason reason)
    {
        foreach (var lastJudged in (ContentTags?[])[Judged, null])
            Assert.False(HoldRule.ShouldHold(new LoadResult(Rejected(reason), NewKey, []), lastJudged, Holding));
    }

    private static Verdict.Rejected Rejected(RejectionReason reason) => new(reason, "a message");

    private static ContentTag Tag(uint content) => new(content);
}
