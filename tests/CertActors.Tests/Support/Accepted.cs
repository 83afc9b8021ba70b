using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;
using CertActors.Verifying;

namespace CertActors.Tests.Support;

internal static class Accepted
{
    extension(Verdict.Accepted accepted)
    {
        /// <summary>What was loaded, where that is a pair.</summary>
        public LoadedPair Pair => (LoadedPair)accepted.Loaded;

        /// <summary>What was loaded, where that is a trust bundle.</summary>
        public LoadedBundle Bundle => (LoadedBundle)accepted.Loaded;

        /// <summary>The trust bundle as it's served.</summary>
        public TrustBundle Serve(string name, long generation, IntermediateMemory? memory = null)
        {
            var bundle = accepted.Bundle;
            var change = new TrustBundleChanged
            {
                Name = name,
                Generation = generation,
                Reason = ReloadReason.Start,
                At = DateTimeOffset.UnixEpoch,
                Added = bundle.Facts,
                Removed = [],
                Authorities = bundle.Facts,
                RevocationLists = [.. bundle.RevocationLists.Select(list => list.List.Facts)],
            };
            return new TrustBundle(change, bundle, memory ?? new IntermediateMemory());
        }
    }
}
