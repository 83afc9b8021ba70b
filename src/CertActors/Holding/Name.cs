namespace CertActors.Holding;

/// <summary>A server name, and the pairs that have it, of which thousands may share one. Written under the lock of the <see cref="NameIndex"/>.</summary>
/// <param name="key">See <see cref="ServerName"/>.</param>
/// <param name="hash">See <see cref="NameTable"/>.</param>
internal sealed class Name(string key, int hash)
{
    // In the order of the options. The certificate is null for a pair that has the name by its options, and is not loaded.
    private readonly SortedList<int, (CertificateCell Pair, ServingCertificate? Certificate)> _pairs = new(capacity: 1);
    private volatile ServingCertificate? _first;
    private volatile CertificateCell? _firstPair;
    private volatile int _awaited;

    public string Key => key;

    public int Hash => hash;

    /// <summary>The certificate of the first loaded pair that has the name; null if there is none.</summary>
    public ServingCertificate? First => _first;

    /// <summary>Whether a pair that has the name by its options is in its first load.</summary>
    public bool IsAwaited => _awaited > 0;

    /// <summary>The first pair that has the name, loaded or not.</summary>
    public CertificateCell? FirstPair => _firstPair;

    /// <summary>The next one; null if there is none. For the writer only.</summary>
    public CertificateCell? SecondPair => _pairs.Count > 1 ? _pairs.GetValueAtIndex(1).Pair : null;

    /// <returns>The first of the other pairs that have the name, if this pair didn't have it before; otherwise null.</returns>
    public CertificateCell? Set(CertificateCell pair, ServingCertificate? certificate)
    {
        var isNew = !_pairs.ContainsKey(pair.Place);
        var other = isNew ? FirstPair : null;
        _pairs[pair.Place] = (pair, certificate);
        FindFirst();
        return other;
    }

    /// <returns>Whether no pair has the name any more. The last certificate stays for look-ups that have found the name before.</returns>
    public bool Remove(CertificateCell pair)
    {
        _pairs.Remove(pair.Place);
        if (_pairs.Count == 0)
            return true;
        FindFirst();
        return false;
    }

    /// <summary>Follows the places of the pairs, which have changed.</summary>
    /// <returns>The pair that was the first until now, if another one is.</returns>
    public CertificateCell? Arrange()
    {
        var last = FirstPair;
        var pairs = _pairs.Values.OrderBy(pair => pair.Pair.Place).ToArray();
        _pairs.Clear();
        foreach (var pair in pairs)
            _pairs.Add(pair.Pair.Place, pair);
        FindFirst();
        return last == FirstPair ? null : last;
    }

    public void Await() => _awaited++;

    public void StopAwaiting() => _awaited--;

    private void FindFirst()
    {
        _firstPair = _pairs.GetValueAtIndex(0).Pair;
        _first = _pairs.Values.FirstOrDefault(pair => pair.Certificate is not null).Certificate;
    }
}
