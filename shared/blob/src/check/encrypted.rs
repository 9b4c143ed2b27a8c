//! What qpdf writes for a document whose user password is empty (`true`), or is not; the owner
//! password is set in all of them.

pub(super) const ENCRYPTED: [(&str, bool, &str, &str); 10] = [
    (
        "RC4, 40 bits",
        true,
        "[<df9e65c4582e6537dda6f048e405bec8><df9e65c4582e6537dda6f048e405bec8>]",
        "<< /Filter /Standard /Length 40 /O <c92422687facee686e373f10b5c7d04738053152f7e2ee30e11c69ec442576ab> /P -4 /R 2 /U <dc8db270ffcda5881aeed4974f89d41ee6448d494612c2f1aa9b185e1cf21b10> /V 1 >>",
    ),
    (
        "RC4, 40 bits",
        false,
        "[<93476afaf8c335709b684278da825bb3><93476afaf8c335709b684278da825bb3>]",
        "<< /Filter /Standard /Length 40 /O <92fe0f4454ad4c9644693f33c07cb54f587dce1e2682fe9ecea6107a1ef630dd> /P -4 /R 2 /U <4472ccb793efe1b5c146752149d6c31127851e7f8af7d079ff0361d9f886028a> /V 1 >>",
    ),
    (
        "RC4, 128 bits",
        true,
        "[<f7232edc623cb63593c665b747b1a0f4><f7232edc623cb63593c665b747b1a0f4>]",
        "<< /Filter /Standard /Length 128 /O <566fa873ee33c797cd3b904fdadf814afa34df9a38f6ed41b984e2c6da2aa6f5> /P -4 /R 3 /U <6bf9e8737634f5f66a150fec9e7505830122456a91bae5134273a6db134c87c4> /V 2 >>",
    ),
    (
        "RC4, 128 bits",
        false,
        "[<876fdf2a1f7be834c466f14392bd9e7a><876fdf2a1f7be834c466f14392bd9e7a>]",
        "<< /Filter /Standard /Length 128 /O <0db5855fc5326569e765906caf64e4429a4c20d6e996fdef963e9b5080f9e083> /P -4 /R 3 /U <b8484e4dfdc6cf17c1ff74582af0ba1f0122456a91bae5134273a6db134c87c4> /V 2 >>",
    ),
    (
        "AES, 128 bits",
        true,
        "[<01d811d09b4be0438f02cddaa1035fd1><01d811d09b4be0438f02cddaa1035fd1>]",
        "<< /CF << /StdCF << /AuthEvent /DocOpen /CFM /AESV2 /Length 16 >> >> /Filter /Standard /Length 128 /O <566fa873ee33c797cd3b904fdadf814afa34df9a38f6ed41b984e2c6da2aa6f5> /P -4 /R 4 /StmF /StdCF /StrF /StdCF /U <f777dcc4d310356788dd0f1f1a68a90f0122456a91bae5134273a6db134c87c4> /V 4 >>",
    ),
    (
        "AES, 128 bits",
        false,
        "[<3ded9278a239d4eeaf8396a963cc0fd5><3ded9278a239d4eeaf8396a963cc0fd5>]",
        "<< /CF << /StdCF << /AuthEvent /DocOpen /CFM /AESV2 /Length 16 >> >> /Filter /Standard /Length 128 /O <0db5855fc5326569e765906caf64e4429a4c20d6e996fdef963e9b5080f9e083> /P -4 /R 4 /StmF /StdCF /StrF /StdCF /U <8575054959e2c54e5348efbdb67a3bc30122456a91bae5134273a6db134c87c4> /V 4 >>",
    ),
    (
        "AES, 256 bits",
        true,
        "[<c0a9cb933ba964b53981ecb0909a0b3e><c0a9cb933ba964b53981ecb0909a0b3e>]",
        "<< /CF << /StdCF << /AuthEvent /DocOpen /CFM /AESV3 /Length 32 >> >> /Filter /Standard /Length 256 /O <7d59f6a30d92033237e7219e66f9bfc872ea77f16a564ba1a62037dea013390575c891a221b6f6dd37177faca8da3059> /OE <2a2e253321be37762b6f1c5115ec74ca5170d4be5ff8505def840cc0d2c19e08> /P -4 /Perms <d9a1aadd0a6633715ea1fef9113fafc4> /R 6 /StmF /StdCF /StrF /StdCF /U <494eb87119e6b45c7b866a883f6163f9a6c7d29688335ffadc75351c4d47dcfbf98d5e8dec8a0f42fd9a92acd98ea79d> /UE <801307baccb957d136869a092e241e66c1b7a0a7d1c79afc94b60b5c92cf97b7> /V 5 >>",
    ),
    (
        "AES, 256 bits",
        false,
        "[<82ff83dad06ee7319de1b6ced38c0d57><82ff83dad06ee7319de1b6ced38c0d57>]",
        "<< /CF << /StdCF << /AuthEvent /DocOpen /CFM /AESV3 /Length 32 >> >> /Filter /Standard /Length 256 /O <f2e0a6900d99937ad507fc3e8981b9df06d36ca3676a06e48a5308923110137e518f8cd87fd869c8f39408034310a74f> /OE <9a55132312021b107f695130ae5747512d482b94a7e3a9430157f6622a8fb296> /P -4 /Perms <c0e2fa62991682fbcd02d1ab2c145c7d> /R 6 /StmF /StdCF /StrF /StdCF /U <9707a65a9eaa08de518fb85d7068308b10c6ee7e9c59436f6d1e87ab59ff806784d68887e262b557f0bd451c18513b83> /UE <c238cca72d1627a8897ddcd16a3a7735eacc3e1bd6f030fc433247ac9031dd89> /V 5 >>",
    ),
    (
        "AES, 256 bits, revision 5",
        true,
        "[<768f80cf288e814f95c0c67fd6c67070><768f80cf288e814f95c0c67fd6c67070>]",
        "<< /CF << /StdCF << /AuthEvent /DocOpen /CFM /AESV3 /Length 32 >> >> /Filter /Standard /Length 256 /O <d18ad64fcd0241f6b240de6d99a17c0031f1f9cfcb42f26c93e2a95cf2c05d0be2e98e7a47158fe1874dc73c545aafc1> /OE <b54a4a7d2af88278c35f7c3c445010233c564be8829295e4288d55356779f97e> /P -4 /Perms <69db4c75102e4c35a1c94c366cea6890> /R 5 /StmF /StdCF /StrF /StdCF /U <13eda098b07733668350669638504cb7b911fdc84179ffafff562500bfa291c70e9083b5fdc403b0a91d8cb156ebc943> /UE <d537a4467bd328ac700399a7d60dcfc9c39618cc16a08d90111a61a8314fcc4f> /V 5 >>",
    ),
    (
        "AES, 256 bits, revision 5",
        false,
        "[<6315836ef7b240b9b364c8347dc4426d><6315836ef7b240b9b364c8347dc4426d>]",
        "<< /CF << /StdCF << /AuthEvent /DocOpen /CFM /AESV3 /Length 32 >> >> /Filter /Standard /Length 256 /O <bf14a46eadf278ae072de974638719037af8add7d6eeef91decdabc59d071ad925d08c2a3a60dfba50e6fd901ed3a355> /OE <db3db2e6ba27c02c1a2e6c3c08224c29dec607319459df3d98366333194b7bce> /P -4 /Perms <10da8355bcaea6efb7689c583bacae3d> /R 5 /StmF /StdCF /StrF /StdCF /U <d1c3a9e9cdd28983584f3c3097e6039010c05351aad605f95b1d96cebd22ad28af59d2c377d4b5c3e7027174d9c48de7> /UE <d11932aa748e6a6f7c47ac5b079c15bef0b91a78f11aaccc60874f6eb7748872> /V 5 >>",
    ),
];
