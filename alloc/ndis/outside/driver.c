/*
 * A small driver as somebody else would write it, in the common part of C11 and C++17, against the
 * documented headers and nothing else of ours. It is compiled from the source tree in both
 * languages, and against the installed package, see install_test.cmake.
 */
#include <fwpsk.h>
#include <ndis.h>

#include <stdio.h>
#include <string.h>

enum { DRIVER_TAG = 0x31747544 /* 'Dut1' */, CONTEXT_BYTES = 32, PACKET_BYTES = 1500 };

struct packet_context {
	ULONG number;
	ULONG references;
};

/* Sends one packet through allocation, context, clone and completion; 0 if all went well. */
static int send_one(NDIS_HANDLE pool, MDL *mdl, ULONG number)
{
	NET_BUFFER_LIST *nbl = NULL;
	NET_BUFFER_LIST *clone = NULL;
	NTSTATUS status =
		FwpsAllocateNetBufferAndNetBufferList(pool, 0, 0, mdl, 14, PACKET_BYTES - 14, &nbl);

	if (!NT_SUCCESS(status))
		return 1;
	NET_BUFFER_LIST_INFO(nbl, NetBufferListCancelId) = pool;
	NET_BUFFER_LIST_STATUS(nbl) = NDIS_STATUS_SUCCESS;
	if (NdisAllocateNetBufferListContext(nbl, CONTEXT_BYTES, 0, DRIVER_TAG) !=
		NDIS_STATUS_SUCCESS)
		return 1;
	struct packet_context *context =
		(struct packet_context *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl);
	context->number = number;
	context->references = 1;
	NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
	if (NdisRetreatNetBufferDataStart(nb, 14, 0, NULL) != NDIS_STATUS_SUCCESS ||
		NET_BUFFER_DATA_LENGTH(nb) != PACKET_BYTES)
		return 1;
	status = FwpsAllocateCloneNetBufferList(nbl, NULL, NULL, 0, &clone);
	if (!NT_SUCCESS(status) || clone->ParentNetBufferList != nbl)
		return 1;
	FwpsFreeCloneNetBufferList(clone, 0);
	NdisAdvanceNetBufferDataStart(nb, 14, FALSE, NULL);
	if (context->number != number)
		return 1;
	NdisFreeNetBufferListContext(nbl, CONTEXT_BYTES);
	FwpsFreeNetBufferList(nbl);
	return 0;
}

int main(void)
{
	static UCHAR packet[PACKET_BYTES];
	NET_BUFFER_LIST_POOL_PARAMETERS parameters;

	memset(&parameters, 0, sizeof(parameters));
	parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
	parameters.Header.Revision = NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1;
	parameters.Header.Size = (USHORT)sizeof(parameters);
	parameters.ProtocolId = NDIS_PROTOCOL_ID_DEFAULT;
	parameters.fAllocateNetBuffer = TRUE;
	parameters.ContextSize = CONTEXT_BYTES;
	parameters.PoolTag = DRIVER_TAG;
	NDIS_HANDLE pool = NdisAllocateNetBufferListPool(NULL, &parameters);
	MDL *mdl = NdisAllocateMdl(NULL, packet, PACKET_BYTES);
	int failed = pool == NULL || mdl == NULL;

	for (ULONG i = 0; i < 1000 && !failed; i++)
		failed = send_one(pool, mdl, i);
	NdisFreeMdl(mdl);
	NdisFreeNetBufferListPool(pool);
	struct nbl_tag_usage usage[8];
	size_t tags = nbl_tags(usage, 8);
	for (size_t i = 0; i < tags && i < 8; i++)
		failed |= usage[i].objects != 0;
	printf("%s\n", failed ? "failed" : "1000 packets sent");
	return failed;
}
